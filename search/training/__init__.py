"""One configuration in training with Keras, epoch by epoch, and the proof of its decode.

Take from it: `keras_trainer`, `Session`, `feeding.predict`, `steering_metrics.steer_of`.
Imports from `search`: record, data, scores, networks.
"""
