"""The demo: real calls to a small real service, real certificates over real files.

All people, ids and documents in it are invented and look it.
"""
