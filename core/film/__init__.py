"""Films: the two filters on every frame, with colours that stay steady.

    source -> reader: frames in order, damage noted
           -> look (colour or style): what each frame alone says, on a pool of threads
           -> steady: carried along the picture's motion, corrected by what each frame says
           -> look: laid over the frame at full size, on the pool
           -> encoder: segments of a fixed number of frames, each renamed when it is whole
           -> assemble: segments joined without encoding again, with the source's other streams

A segment depends on the source and the settings alone: its colours start `lead` frames before it.
That is why a killed run can go on, why other machines can make segments, and why the film comes
out the same each time.

Needs the extra `film` (PyAV and OpenCV). Nothing else in core imports this package's modules;
core.cli.main does it when it is given a film.
"""
