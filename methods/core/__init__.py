"""The torch core: networks, training in stacks, sampling in streams."""
