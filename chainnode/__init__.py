"""Everything that touches the world, and the joining of all rooms (`node`)."""
