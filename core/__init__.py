"""Social Hub's rooms. See ARCHITECTURE.md for who may import whom."""
