"""Seeing faces: from bytes of a film or still to faces that are found, followed, described, named and judged.

Pure functions on arrays; nothing here knows Django or touches the disk. Whoever uses one imports it from its module, so that
nobody loads networks for a constant.
"""
