"""Record schemas, codes and derivations: pure data, read by every room that needs them."""
