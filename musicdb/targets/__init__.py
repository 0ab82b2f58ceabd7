"""Where playlists are written: one file a target, found by its name. What a target does is told in `playlists.targets`.

A target writes only lists that it is told by id; it never looks for a list by name, never erases one to build it again, and leaves old or
new behind, never something between.
"""
