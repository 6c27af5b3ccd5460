"""The reverse proxy `kun gateway run`: a gateway before a service in any language."""
