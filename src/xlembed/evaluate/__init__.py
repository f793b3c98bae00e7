"""The main job: encode, index, evaluate, search and compare models on a task."""
