"""The benchmark's Lambda half: deliver and its peers on a stub of AWS."""
