"""What a dataset calls the things that users know by another name, from Deep Lake, FiftyOne or Hugging Face."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from reelbase.maintenance.maintenance import Maintenance
from reelbase.versions.history import History

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What to do, and the names under which other libraries do it.
_HINTS: Final = {
    "Choose rows by an expression: ds.filter(\"labels == 'cat'\").": (
        "query match match_labels where filter_labels exists sample_by"
    ),
    "Rows are indexed: ds[3], ds[10:20], ds[[4, 1]].": "select take limit skip head tail first last one view shard",
    "Batches of clips: ds.numpy_loader(reelbase.Clips(frames=16), batch_size=8).": (
        "dataloader pytorch tensorflow iter_samples iter iter_batches with_format set_format to_torch to_tf_dataset"
    ),
    "Go through the rows: for row in ds. Worker processes can read the dataset too: it can be pickled.": "map",
    "Add rows by ds.append({name: value}) or ds.extend({name: values}).": (
        "add_sample add_samples add_item add_row add_images insert"
    ),
    "Make a tensor: ds.create_tensor(name, htype), then ds.name.extend(values).": (
        "add_column add_sample_field add_field set_values set_field create_tensor_like"
    ),
    "Read a tensor: ds.labels.numpy(aslist=True) or ds.labels.data().": (
        "values numpy data to_dict to_pandas to_list to_json to_csv count_values distinct unique bounds count sort_by"
    ),
    "Writes are durable when they return; ds.commit(message) names a version.": (
        "flush save autoflush persistent close save_view push_to_hub"
    ),
    "Copy it, or some tensors and rows of it: ds.copy(path, tensors=[…], rows=…).": (
        "clone export deepcopy save_to_disk to_parquet"
    ),
    "Join datasets: ds.extend(other).": "concatenate concatenate_datasets add_collection merge_samples",
    "Ask ds.tensors, a dict by name, or ds.summary().": "features column_names columns fields schema meta",
    'A "/" in a name makes a group: ds.create_tensor("train/videos").': "create_group groups require_group group_by",
    "Ask len(ds), or ds.maintenance.stats().": "num_rows num_samples shape size size_approx min_len max_len",
    "Shuffle row numbers: ds[numpy.random.permutation(len(ds))].": "shuffle random_split train_test_split",
    "Look at it: ds.visualize().": "launch_app show plot app",
    "Pack small files together: ds.maintenance.compact().": "rechunk optimize vacuum",
    "Ask ds.history.current.": "commit_id version pending_commit_id",
    "Ask ds.log().": "commits versions list_runs",
    "Go back by ds.history.revert(version).": "reset rollback undo",
    "Replace samples: ds[row] = {name: value}, or ds.x[row] = value.": "transform apply update",
    "Use ds.rename_tensor(old, new).": "rename_column rename_field rename_sample_field rename",
    "Use ds.delete_tensor(name).": "remove_columns delete_sample_field drop drop_columns",
    "Use ds.delete_rows(rows) or ds.pop(row).": "delete_samples delete_sample remove clear",
    "Delete it: reelbase.delete(path).": "delete delete_dataset",
    'They belong to a tensor: ds.labels.meta["class_names"].': "class_names default_classes classes",
    "They belong to a tensor: ds.labels.add_class_names([…]).": "add_class_names",
}
_BY_NAME: Final = {name: hint for hint, names in _HINTS.items() for name in names.split()}


def suggest(name: object, names: Iterable[str]) -> str:
    """Return a hint for the error about a tensor that does not exist: what the user may have meant.

    Args:
        name: The name that was asked for.
        names: Names of the tensors that exist.
    """
    near = difflib.get_close_matches(name if isinstance(name, str) else "", names, 1)
    if near:
        return f"Did you mean {near[0]!r}?"
    for home, kind in (("history", History), ("maintenance", Maintenance)):
        if isinstance(name, str) and hasattr(kind, name):
            return f"Did you mean ds.{home}.{name}?"
    if isinstance(name, str) and name in _BY_NAME:
        return _BY_NAME[name]
    return f"It has: {', '.join(names) or 'none yet; see create_tensor'}."
