/** What must be known before the first slide: the studies, the reader's rights, the tray. */

import type { Api } from "@common/api";
import { DRAW } from "@common/mount";
import type { Slide, SlideData, TrayItem } from "./types";

export type CaseSlide = TrayItem & { study_instance_uid: string };

export interface Prepared {
  items: CaseSlide[];
  user: { username: string; name: string };
  canDraw: boolean;
}

interface CaseAnswer {
  study_instance_uids: string[];
  permissions?: string[];
}

export async function prepare(api: Api, data: SlideData): Promise<Prepared> {
  const consult: Promise<CaseAnswer> =
    data.study_instance_uids && data.permissions
      ? Promise.resolve({
          study_instance_uids: [...data.study_instance_uids],
          permissions: [...data.permissions],
        })
      : api.get<CaseAnswer>(`/cases/${data.case_id}`);
  const user = data.user ?? api.get<{ username: string; name: string }>("/session");
  const known = await consult;
  const uids = data.study_instance_uids ?? known.study_instance_uids;
  const answers = await Promise.all(
    uids.map(async (uid) => {
      const { items } = await fetchJson<{ items: TrayItem[] }>(api, `/slides/v1/studies/${uid}`);
      return items.map((item) => ({ ...item, study_instance_uid: uid }));
    }),
  );
  const { username, name } = await user;
  return {
    items: answers.flat(),
    user: { username, name },
    canDraw: (data.permissions ?? known.permissions ?? []).includes(DRAW),
  };
}

export async function fetchJson<Answer>(api: Api, address: string): Promise<Answer> {
  const response = await api.request(address, { headers: { Accept: "application/json" } });
  return (await response.json()) as Answer;
}

/** Slides by name, fetched once. */
export class Slides {
  private readonly known = new Map<string, Promise<Slide>>();

  constructor(private readonly api: Api) {}

  get(slide: string): Promise<Slide> {
    let found = this.known.get(slide);
    if (!found) {
      found = fetchJson<Slide>(this.api, `/slides/v1/${slide}`);
      found.catch(() => this.known.delete(slide));
      this.known.set(slide, found);
    }
    return found;
  }

  /** Ask anew: more of it may have come. */
  again(slide: string): Promise<Slide> {
    this.known.delete(slide);
    return this.get(slide);
  }

  /** What opening it will ask for first, so that it opens at once. */
  async ahead(slide: string): Promise<void> {
    await this.api.request(overviewAddress(await this.get(slide)));
  }
}

/** The small picture in the colours of its tiles: corrected here, as they are, or not. */
export function overviewAddress({ slide, version }: Slide): string {
  return `/slides/v1/${slide}/${version}/thumbnail?size=1024&icc=0`;
}
