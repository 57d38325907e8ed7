"""
Pooling as a step of a scikit-learn pipeline
============================================

Which reducer, and which window? For a task with a score, let the score decide. A transformer of a dozen lines makes
pooling a step of a scikit-learn pipeline, with its arguments open to a search over a grid.

The task: brick, grass or gravel? Each photo is cut into 256 patches of 32 x 32 pixels, and a linear classifier has to
name the photo of patches it has not seen. The patches' own brightness is taken away first: texture is all that is left.
"""

# %%
# The transformer
# ---------------
#
# scikit-learn asks for arguments that are kept as they were given, `fit`, and `transform`; cloning, `set_params` and
# the search come with the base classes. `fit` has nothing to do: pooling learns nothing.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data, util
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cypool


class Pooling(TransformerMixin, BaseEstimator):
    """Pictures (samples, rows, columns) to features (samples, cells of the pooled picture)."""

    def __init__(self, window=2, reduce="mean", workers=None):
        self.window = window
        self.reduce = reduce
        self.workers = workers

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        pooled = cypool.pool(X, (self.window, self.window), self.reduce, workers=self.workers)
        return pooled.reshape(len(pooled), -1)


# %%
# Patches
# -------

PATCH = 32
photos = {"brick": data.brick(), "grass": data.grass(), "gravel": data.gravel()}
patches = np.stack([util.view_as_blocks(photo, (PATCH, PATCH)) for photo in photos.values()]).reshape(-1, PATCH, PATCH)
brightness = cypool.global_pool(patches, "mean", axes=(1, 2), keepdims=True)
X = (patches - brightness).astype(np.float32)
y = np.repeat(list(photos), len(X) // len(photos))
print(f"{len(X)} patches, of {', '.join(photos)}")

figure, panels = plt.subplots(3, 8, figsize=(8.5, 3.4), layout="constrained")
for row, name in zip(panels, photos, strict=True):
    for panel, patch in zip(row, X[y == name][::32], strict=True):
        panel.imshow(patch, cmap="gray", vmin=-100, vmax=100)
        panel.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, fontsize=12)

# %%
# The search
# ----------
#
# Every reducer with every window, each judged by five-fold cross-validation: 100 fits.

grid = {"pooling__reduce": ["mean", "median", "max", "std", "range"], "pooling__window": [4, 8, 16, 32]}
search = GridSearchCV(
    make_pipeline(Pooling(), StandardScaler(), LogisticRegression(max_iter=2000)),
    grid,
    cv=StratifiedKFold(5, shuffle=True, random_state=0),
).fit(X, y)
print(f"best: {search.best_params_}, {search.best_score_:.0%} right")

# %%
# What it found
# -------------
#
# The mean, the one that most would try first, is close to guessing (33 %): without its brightness a texture has a mean
# of nothing. What tells textures apart is how far the cells of a window spread, and windows small enough to look
# between the bricks.

scores = search.cv_results_["mean_test_score"].reshape([len(values) for values in grid.values()])
figure, panel = plt.subplots(figsize=(6.5, 4), layout="constrained")
panel.imshow(scores, cmap="viridis", vmin=1 / 3, vmax=1, aspect="auto")
for (row, column), score in np.ndenumerate(scores):
    panel.text(column, row, f"{score:.0%}", ha="center", va="center", color="white" if score < 0.75 else "black")
panel.set_xticks(range(scores.shape[1]), [f"{n} x {n}" for n in grid["pooling__window"]])
panel.set_yticks(range(scores.shape[0]), grid["pooling__reduce"])
panel.set_title("right answers, by reducer and window", fontsize=12)

# %%
# The same class works wherever scikit-learn expects a transformer: beside others in a `FeatureUnion`, in a
# `ColumnTransformer`, or pickled with the model it belongs to.

if plt.get_backend().lower() != "agg":
    plt.show()
