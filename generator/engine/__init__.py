"""Learning a person's face and putting it into a film: pure torch, numpy and OpenCV, no Django.

`train` learns a twin from two `FaceSet`s and gives its weights as bytes; `Swapper` opens those bytes and renders.
"""
