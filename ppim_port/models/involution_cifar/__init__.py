"""The two small CIFAR-10 classifiers of Keras' involution example.

"Involutional neural networks", keras.io, by Aritra Roy Gosthipaty.
"""
