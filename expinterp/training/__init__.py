"""Building the network: simulated photographs, the network, its training and its export."""
