"""Renderings of a proven answer for people and their tools: table, Parquet, summary as PDF.

Lines (`rows.jsonl`) and table (`rows.csv`) are made in `chainnode.verify`, since a verifier makes
them again; what is here is signed by who exports and does not follow from proofs. Parquet and PDF
need the extra `reports`, which nothing loads before it is asked for. docs/wire-format.md §12.
"""

from chainnode.reports.rendering import (
    RENDERINGS,
    Rendering,
    ReportsNotInstalled,
    can_read_parquet,
    made_renderings,
    render,
    require_installed,
    require_parquet,
)

__all__ = (
    "RENDERINGS",
    "Rendering",
    "ReportsNotInstalled",
    "can_read_parquet",
    "made_renderings",
    "render",
    "require_installed",
    "require_parquet",
)
