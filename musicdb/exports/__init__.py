"""Out: playlists and tracks in formats of others. Reads the database, writes files; each file is there whole or not at all."""
