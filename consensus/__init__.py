"""PBFT (Castro & Liskov, OSDI '99, signature variant): pure, deterministic, stdlib only."""
