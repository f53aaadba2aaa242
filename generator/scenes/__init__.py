"""New scenes: clips made without a template, from a configuration that the board has approved."""
