"""The demonstration: the whole job through the real stack, as people with browsers would do it."""
