/** Words that stay on the page while their reader changes the language. */

import type { Translate } from "@common/i18n";

import type { Key } from "./texts";

export class Spoken {
  private readonly again: (() => void)[] = [];

  constructor(private readonly t: Translate<Key>) {}

  /** The words of `key`, now and in the next language. */
  words(key: Key): Text {
    const node = document.createTextNode("");
    this.keep(() => (node.data = this.t(key)));
    return node;
  }

  attribute<E extends Element>(element: E, name: string, key: Key): E {
    this.keep(() => element.setAttribute(name, this.t(key)));
    return element;
  }

  private keep(say: () => void): void {
    say();
    this.again.push(say);
  }

  rewrite(): void {
    for (const say of this.again) say();
  }
}
