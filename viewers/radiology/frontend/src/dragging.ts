/** A series dragged from the strip into a viewport. */

const TYPE = "application/x-hoichan-series";

/** What is dragged is the display set of that id. */
export function giveSeries(event: DragEvent, displaySetId: string): void {
  event.dataTransfer?.setData(TYPE, displaySetId);
}

/** Take series that are dropped on `place`. */
export function takeSeries(place: HTMLElement, dropped: (displaySetId: string) => void): void {
  place.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes(TYPE)) return;
    event.preventDefault();
    place.classList.add("hv-drop");
  });
  place.addEventListener("dragleave", () => place.classList.remove("hv-drop"));
  place.addEventListener("drop", (event) => {
    place.classList.remove("hv-drop");
    const id = event.dataTransfer?.getData(TYPE);
    if (!id) return;
    event.preventDefault();
    dropped(id);
  });
}
