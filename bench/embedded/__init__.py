"""The benchmark's embedded half: `sorl dev` beside Socket.IO with Redis."""
