"""From an order to one finished film: storyboards, drawn cards and captions, assembly."""
