"""One function per stage: settings and input files in, output files out; what dvc.yaml and the command line call."""
