/** What must be known before the first image: the studies, the reader's rights, the display sets. */

import type { Api } from "@common/api";
import { DRAW } from "@common/mount";
import type { DisplaySet, ViewerData } from "./types";

export interface Prepared {
  sets: DisplaySet[];
  user: { username: string; name: string };
  canDraw: boolean;
}

interface CaseAnswer {
  study_instance_uids: string[];
  permissions?: string[];
}

export async function prepare(api: Api, data: ViewerData): Promise<Prepared> {
  const consult =
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
    uids.map((uid) => api.get<{ items: DisplaySet[] }>(`/studies/${uid}/display-sets`)),
  );
  const { username, name } = await user;
  return {
    sets: answers.flatMap((answer) => answer.items),
    user: { username, name },
    canDraw: (data.permissions ?? known.permissions ?? []).includes(DRAW),
  };
}
