#!/bin/sh
# Renders what the default model learns from, and trains it: sh tools/train_default.sh RIG FOLDER
# Seeds: 1xx single moments (four frames, 2 s apart), 2xx windows; each seed has other people. 203 is for the test alone.
set -eu
RIG=$1 OUT=$2
CUES=closure,aperture,mouth,yawning,blinking,gaze_down,smile,squint,hand,turn,skin
MOMENTS="--frames 4 --frame-rate 0.5"
WINDOWS="--frames 32 --frame-rate 10"
NETWORK="--backbone resnet2d_cues --cues $CUES --temporal-input cues --non-local-pos 4 --first-channel 16"
TARGETS="--frame-targets $CUES,landmarks"

facefatigue synth render --rig "$RIG" $MOMENTS --clips 20000 --seed 101 --out "$OUT/moments/train"
facefatigue synth render --rig "$RIG" $MOMENTS --clips 1000 --seed 102 --out "$OUT/moments/val"
facefatigue synth render --rig "$RIG" $WINDOWS --clips 6000 --seed 201 --out "$OUT/windows/train"
facefatigue synth render --rig "$RIG" $WINDOWS --clips 600 --seed 202 --out "$OUT/windows/val"
facefatigue synth render --rig "$RIG" $WINDOWS --clips 1000 --seed 203 --out "$OUT/windows/test"
facefatigue synth render --rig "$RIG" $WINDOWS --clips 6000 --clips-per-person 1 --seed 221 --out "$OUT/windows/more"

facefatigue train --train "$OUT/moments/train" --val "$OUT/moments/val" --out "$OUT/runs/frames" $NETWORK $TARGETS \
    $MOMENTS --score-weight 0 --frame-weight 1 --epochs 12 --batch-size 32 --lr 1e-3 --threads 2
facefatigue train --train "$OUT/windows/train" --val "$OUT/windows/val" --out "$OUT/runs/windows" $NETWORK $TARGETS \
    $WINDOWS --init "$OUT/runs/frames/model" --frame-weight 0.5 --epochs 3 --batch-size 16 --lr 7e-4 --threads 2

# From here on further people, seen once each: two more rounds, the second kept at its best and at its last epoch; the mean of
# the weights of all four; and what looks over time, anew behind the frames of that mean.
MORE="--train $OUT/windows/more --val $OUT/windows/val $WINDOWS --threads 2"
ROUND="$MORE $NETWORK $TARGETS --frame-weight 0.5 --epochs 3 --batch-size 16 --lr 7e-4"
facefatigue train --out "$OUT/runs/more" $ROUND --seed 1 --init "$OUT/runs/windows/model"
facefatigue train --out "$OUT/runs/again" $ROUND --seed 2 --init "$OUT/runs/more/model"
facefatigue train --out "$OUT/runs/again-last" $ROUND --seed 2 --init "$OUT/runs/more/model" --validate false
python tools/average_models.py "$OUT/runs/windows/model" "$OUT/runs/more/model" "$OUT/runs/again/model" \
    "$OUT/runs/again-last/model" --validation "$OUT/windows/val" --out "$OUT/runs/mean"
facefatigue train --out "$OUT/runs/time" $MORE $NETWORK --frame-targets $CUES --init "$OUT/runs/mean/model" \
    --init-part frames --freeze frames --frame-weight 0 --augmentation none --epochs 8 --batch-size 32 --lr 1e-3 --seed 1 \
    --name facefatigue-v1 --model-version 1.1.0 --licence Apache-2.0 \
    --training-data "synthetic clips rendered from ICT-FaceKit (MIT); no real person"
