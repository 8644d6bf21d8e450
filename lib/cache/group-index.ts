/** Which keys each group has: as large as what is stored, for both sides come and go with the records. */
export class GroupIndex {
  readonly #keys = new Map<string, Set<string>>();

  get size(): number {
    return this.#keys.size;
  }

  add(key: string, groups: readonly string[]): void {
    for (const group of groups) {
      const keys = this.#keys.get(group);
      if (keys === undefined) this.#keys.set(group, new Set([key]));
      else keys.add(key);
    }
  }

  remove(key: string, groups: readonly string[]): void {
    for (const group of groups) {
      const keys = this.#keys.get(group);
      if (keys?.delete(key) === true && keys.size === 0) this.#keys.delete(group);
    }
  }

  keysOf(group: string): readonly string[] {
    return [...(this.#keys.get(group) ?? [])];
  }
}
