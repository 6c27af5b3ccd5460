// What a browser keeps for a page between visits. Where it keeps nothing (switched off, full, private
// window), a page works on; whoever calls says so.

// The text kept under this name; null: none, or nothing is kept here.
export function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

// Whether the text is kept now.
export function keep(name: string, text: string): boolean {
  try {
    localStorage.setItem(name, text);
    return localStorage.getItem(name) === text;
  } catch {
    return false;
  }
}
