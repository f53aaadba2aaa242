"""Pages on faces: who is who, one person, every face, one face."""
