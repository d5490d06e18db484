"""The baseline: a training loop in the manner of the method's published code, written anew.

It is fixed; a faster baseline would be another one. What makes it what it is:

- Augmentation by Pillow and torchvision, image by image: three views of every row (`views`).
- Two loaders with two workers each; the unlabeled one is wrapped in `itertools.cycle`, which keeps
  every batch it has seen (`loaders`).
- Each view is a forward pass of the whole network of its own; the frozen part gets no gradient, but
  its BatchNorm stays in training mode (`loop`).
- The loss goes row by row through the host to pick the confident rows, two `.item()` each, and its
  shapes follow from their number (`loss`).
- Eager, NCHW, float32; on a GPU with TF32 in convolutions and products, and cuDNN's search for
  fast kernels on.
- After every epoch all unlabeled images are evaluated, with one worker.

What it computes is the method as `lps_sweep` computes it with the same settings: tests hold loss
and gradients equal. Its random decisions are those of torch and Python, as published code takes
them, so that a live epoch of it sees other augmentations than one of ours.
"""
