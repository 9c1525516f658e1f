const LONGEST_S = 30;

/* Seconds to wait before the given try, counted from 0: 1, 2, 4, ... 30. */
export function backoffSeconds(attempt: number): number {
  return Math.min(2 ** attempt, LONGEST_S);
}
