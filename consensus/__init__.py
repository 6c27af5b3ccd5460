"""PBFT (Castro & Liskov, OSDI '99, signature variant): pure, deterministic, standard library only."""
