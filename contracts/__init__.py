"""Business rules: pure functions of (state view, call); they know no block, peer or clock."""
