// Why a visit's call ended, in plain words, by the name of the reason. Those not known here are said as the gateway did.

import { language } from "./strings.js";

const again = {
  en: "A fault on our side ended the call. You may try again.",
  es: "Un fallo nuestro terminó la llamada. Puede intentar de nuevo.",
};

const reasons = {
  Busy: {
    en: "The phone is in use. Please try again in a few minutes.",
    es: "El teléfono está ocupado. Intente de nuevo en unos minutos.",
  },
  Declined: { en: "The call was not accepted at the phone.", es: "La llamada no fue aceptada en el teléfono." },
  NoAnswer: {
    en: "Nobody answered the phone. You may try again.",
    es: "Nadie contestó el teléfono. Puede intentar de nuevo.",
  },
  CodecMismatch: {
    en: "This phone and your browser cannot understand each other. Please try another browser, or tell the facility.",
    es: "Este teléfono y su navegador no son compatibles. Pruebe otro navegador o avise al centro.",
  },
  Unreachable: {
    en: "The phone cannot be reached. You may try again; if it goes on, tell the facility.",
    es: "No se puede conectar con el teléfono. Puede intentar de nuevo; si sigue igual, avise al centro.",
  },
  PhoneHungUp: { en: "The other person hung up.", es: "La otra persona colgó." },
  VisitorLeft: { en: "You left the visit.", es: "Usted salió de la visita." },
  VisitorDeclined: { en: "You did not take the call.", es: "Usted no aceptó la llamada." },
  VisitorBlocked: {
    en: "You will get no more calls from this person.",
    es: "No recibirá más llamadas de esta persona.",
  },
  VisitorAway: { en: "You had a call and did not answer it.", es: "Tuvo una llamada y no la contestó." },
  MediaLost: {
    en: "The connection was lost and did not come back.",
    es: "La conexión se perdió y no volvió.",
  },
  Lost: {
    en: "The call ended while your connection was away.",
    es: "La llamada terminó mientras usted no tenía conexión.",
  },
  LimitReached: { en: "The time of this visit is over.", es: "El tiempo de esta visita ha terminado." },
  BalanceUsed: {
    en: "The money in the account for this call is used up.",
    es: "Se acabó el saldo de la cuenta para esta llamada.",
  },
  VisitCancelled: { en: "This visit was cancelled by the facility.", es: "El centro canceló esta visita." },
  OfficerEnded: { en: "The facility ended this visit.", es: "El centro terminó esta visita." },
  LineLost: again,
  RelayLost: again,
  RecordingFailed: {
    en: "The visit could not be recorded and had to end. You may try again.",
    es: "La visita no se pudo grabar y tuvo que terminar. Puede intentar de nuevo.",
  },
  Failed: again,
  NoCapacity: {
    en: "All lines are in use. Please try again in a few minutes.",
    es: "Todas las líneas están ocupadas. Intente de nuevo en unos minutos.",
  },
  ServiceClosing: {
    en: "The service is being restarted. Please try again in a few minutes.",
    es: "El servicio se está reiniciando. Intente de nuevo en unos minutos.",
  },
  Replaced: {
    en: "This visit was opened in another window or on another device.",
    es: "Esta visita se abrió en otra ventana o en otro aparato.",
  },
  VisitOver: { en: "This visit is over.", es: "Esta visita ya terminó." },
  UnknownLink: {
    en: "This link is not known. Please ask for a new one.",
    es: "Este enlace no es válido. Pida uno nuevo, por favor.",
  },
};

const neverBegan = new Set(["Busy", "Declined", "NoAnswer", "CodecMismatch", "Unreachable", "Denied", "NoCapacity",
  "VisitorDeclined", "VisitorBlocked", "VisitorAway"]);

/** What to read for an ending: `text` is the gateway's own, for a reason that this page does not know. */
export const ending = (reason, text) => reasons[reason]?.[language] ?? text;

/** Which heading stands over it. */
export const heading = (reason) => (neverBegan.has(reason) ? "not_connected" : "ended");
