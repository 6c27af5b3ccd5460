"""What proven rows show together: filters, facets, rules for anomalies, lineage. Pure."""
