"""The five kinds of figure: heat map, interval rows, curves, scatter, bars; each draws plain data into axes."""
