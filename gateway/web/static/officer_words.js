// All that the officers' page says beyond what staff's pages do, in English and Spanish.

import { language } from "./strings.js";
import { phrase as known } from "./staff_words.js";

const english = {
  live: "Live",
  recordings: "Recordings",
  unit: "Unit",
  state: "State",
  search: "Search",
  all: "all",
  counted: "{shown} of {all} calls",
  earlier: "Back",
  later: "More",
  paged: "{from} to {to}",
  inside: "Inside",
  visitor: "Visitor",
  both: "both",
  confidential: "Confidential: it cannot be opened.",
  not_announced: "Its notice does not say that it may be monitored.",
  no_listener: "Officers alone can listen.",
  waits: "Waits for a listener",
  recorded: "Recorded",
  unrecorded: "Not recorded: the recording failed",
  listened_by: "Listening: {names}",
  spoken_by: "{name} speaks to {to}",
  withheld: "Withheld: {what}",
  on_hold: "On hold: {why}",
  until: "until {time}",
  warn: "Warn",
  barge: "Speak to both",
  whisper: "Whisper inside",
  hush: "Stop speaking",
  mute: "Mute {party}",
  unmute: "Unmute {party}",
  blind: "No picture of {party}",
  unblind: "Picture of {party}",
  pause: "Pause",
  resume: "Resume",
  end: "End call",
  reason: "Reason",
  reason_or_text: "Text for the visitor",
  warning: "Warning",
  own_text: "a text of your own",
  station: "Station",
  words: "Words",
  after: "From",
  before: "To",
  find: "Find",
  no_recordings: "No recordings.",
  play: "Play",
  bookmark: "Bookmark",
  note: "Note",
  text: "Text",
  failed: "It could not be made: {why}",
  done: "Done.",
  no_microphone: "The microphone cannot be used.",
  connection_lost: "The connection to the call was lost.",
  keys:
    "Keys: arrows choose, Enter opens, Escape closes, T warn, B speak to both, W whisper, M mute the visitor, " +
    "N mute inside, V the visitor's picture, P pause, O note, X end, slash search.",
};

const spanish = {
  live: "En vivo",
  recordings: "Grabaciones",
  unit: "Unidad",
  state: "Estado",
  search: "Buscar",
  all: "todas",
  counted: "{shown} de {all} llamadas",
  earlier: "Atrás",
  later: "Más",
  paged: "{from} a {to}",
  inside: "Dentro",
  visitor: "Visitante",
  both: "ambos",
  confidential: "Confidencial: no se puede abrir.",
  not_announced: "Su aviso no dice que puede ser supervisada.",
  no_listener: "Solo los oficiales pueden escuchar.",
  waits: "Espera a quien escuche",
  recorded: "Se graba",
  unrecorded: "No se graba: la grabación falló",
  listened_by: "Escuchan: {names}",
  spoken_by: "{name} habla a {to}",
  withheld: "Retenido: {what}",
  on_hold: "En espera: {why}",
  until: "hasta las {time}",
  warn: "Advertir",
  barge: "Hablar a ambos",
  whisper: "Hablar dentro",
  hush: "Dejar de hablar",
  mute: "Silenciar: {party}",
  unmute: "Dar voz: {party}",
  blind: "Sin imagen: {party}",
  unblind: "Con imagen: {party}",
  pause: "Pausar",
  resume: "Reanudar",
  end: "Terminar",
  reason: "Motivo",
  reason_or_text: "Texto para el visitante",
  warning: "Advertencia",
  own_text: "un texto propio",
  station: "Estación",
  words: "Palabras",
  after: "Desde",
  before: "Hasta",
  find: "Buscar",
  no_recordings: "No hay grabaciones.",
  play: "Reproducir",
  bookmark: "Marcador",
  note: "Nota",
  text: "Texto",
  failed: "No se pudo hacer: {why}",
  done: "Hecho.",
  no_microphone: "No se puede usar el micrófono.",
  connection_lost: "Se perdió la conexión con la llamada.",
  keys:
    "Teclas: flechas eligen, Enter abre, Escape cierra, T advertir, B hablar a ambos, W hablar dentro, " +
    "M silenciar al visitante, N silenciar dentro, V imagen del visitante, P pausar, O nota, X terminar, barra buscar.",
};

const tables = { en: english, es: spanish };

/** The words for a key, with {names} filled in; what staff's pages say where it is none of this page's. */
export function phrase(key, values = {}) {
  const own = tables[language][key];
  return own === undefined ? known(key, values) : own.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Put the words into every element that names a key. */
export function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-phrase]")) element.textContent = phrase(element.dataset.phrase);
}
