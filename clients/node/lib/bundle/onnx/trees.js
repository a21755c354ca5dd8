/**
 * A TreeEnsemble node whose trees are trees: in bounds, without cycles, not too deep.
 *
 * `TreeEnsemble` of ai.onnx.ml 5 lays all trees into flat lists: a split has two references, each to another split or,
 * where its leaf flag is set, to a leaf. A runtime follows them by recursion and by loops, so a reference out of bounds
 * reads foreign memory, a cycle never ends, and a long chain overflows the stack.
 */

import { BundleError } from "../../errors.js";

const MAX_TREES = 10_000;
export const MAX_SPLITS = 8_000_000;
const MAX_TREE_DEPTH = 1024;
/** A split looks into a column below this: how many columns there are, the graph alone knows. */
const MAX_FEATURES = 4096;
/** The attributes that hold references; all are lists of whole numbers. */
const LISTS = [
  "tree_roots", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs", "nodes_falseleafs",
  "leaf_targetids",
];
const EXPECTED = "expected a TreeEnsemble";

/**
 * Refuse references that do not draw trees.
 * @param {ReadonlyMap<string, number[]>} lists the whole numbers in the attributes of one TreeEnsemble, all from 0
 * @param {ReadonlyMap<string, number>} sizes the elements of its tensors
 * @param {string} where
 */
export function checkTrees(lists, sizes, where) {
  const missing = LISTS.filter((name) => !lists.get(name)?.length);
  if (missing.length)
    throw new BundleError(`${where}: ${EXPECTED} with ${LISTS.join(", ")}, got one without ${missing[0]}`);
  const [roots, features, left, right, leftIsLeaf, rightIsLeaf, targets] = LISTS.map(
    (name) => /** @type {number[]} */ (lists.get(name)),
  );
  const [nSplits, nLeaves] = [features.length, targets.length];
  if (roots.length > MAX_TREES || nSplits > MAX_SPLITS)
    throw new BundleError(
      `${where}: ${EXPECTED} of at most ${MAX_TREES} trees and ${MAX_SPLITS} splits, ` +
        `got ${roots.length} and ${nSplits}`,
    );
  const beside = [left, right, leftIsLeaf, rightIsLeaf].map((column) => column.length);
  const missingWays = lists.get("nodes_missing_value_tracks_true");
  const more = [sizes.get("nodes_splits"), sizes.get("nodes_modes"), missingWays?.length || nSplits];
  if ([...beside, ...more].some((length) => length !== nSplits) || sizes.get("leaf_weights") !== nLeaves)
    throw new BundleError(
      `${where}: ${EXPECTED} whose lists have one entry a split or a leaf, got other lengths`,
    );
  const nTargets = lists.get("n_targets") ?? [];
  if (nTargets.length !== 1 || nTargets[0] !== 1 || largest(targets) > 0)
    throw new BundleError(`${where}: ${EXPECTED} whose leaves add to its one target, got another target`);
  const last = largest(features);
  if (last >= MAX_FEATURES)
    throw new BundleError(`${where}: ${EXPECTED} of at most ${MAX_FEATURES} features, got a split on ${last}`);
  /** @param {number[]} references @param {number[]} leaves */
  const isInside = (references, leaves) =>
    references.every((to, split) => leaves[split] <= 1 && to < (leaves[split] === 1 ? nLeaves : nSplits));
  if (largest(roots) >= nSplits || !isInside(left, leftIsLeaf) || !isInside(right, rightIsLeaf))
    throw new BundleError(`${where}: ${EXPECTED} whose references lie inside its lists, got one outside`);
  checkShape(roots, [[left, leftIsLeaf], [right, rightIsLeaf]], nSplits, where);
}

/**
 * Refuse splits that have two parents, that no root reaches, or that lie deeper than MAX_TREE_DEPTH.
 * @param {number[]} roots
 * @param {[number[], number[]][]} sides
 * @param {number} nSplits
 * @param {string} where
 */
function checkShape(roots, sides, nSplits, where) {
  const reached = new Uint8Array(nSplits);
  let level = roots;
  for (let depth = 0; depth < MAX_TREE_DEPTH && level.length; depth++) {
    const next = [];
    for (const split of level) {
      if (reached[split])
        throw new BundleError(`${where}: ${EXPECTED} whose splits have one parent or are a root, got one of two`);
      reached[split] = 1;
      for (const [references, leaves] of sides) if (!leaves[split]) next.push(references[split]);
    }
    level = next;
  }
  if (level.length || reached.includes(0))
    throw new BundleError(`${where}: ${EXPECTED} of at most ${MAX_TREE_DEPTH} levels that roots reach, got another`);
}

/** The largest number; 0 of none. @param {readonly number[]} numbers */
function largest(numbers) {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}
