"""What DeepFace (0.0.103) calls its ONNX files and its labels; an age is a number."""

DEEPFACE_URL = "https://github.com/serengil/deepface_models/releases/download/v1.0"
DEEPFACE_WEIGHTS = {
    "gender": "gender_model_weights.onnx",
    "race": "race_model_single_batch.onnx",
    "age": "age_model_weights.onnx",
}
DEEPFACE_LABELS = {
    "gender": ["Woman", "Man"],
    "race": ["asian", "indian", "black", "white", "middle eastern", "latino hispanic"],
}
