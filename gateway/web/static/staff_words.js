// All that staff's pages say, in English and Spanish.

import { language } from "./strings.js";

const english = {
  log_in: "Log in",
  log_out: "Log out",
  user: "User name",
  password: "Password",
  login_refused: "The user name or the password is wrong.",
  locked_out: "Too many attempts. Wait a while and try again.",
  overview: "Overview",
  pages: "Pages of plugins",
  live_calls: "Live calls",
  no_calls: "No calls.",
  alerts: "Alerts",
  no_alerts: "No alerts.",
  visits: "Upcoming visits",
  no_visits: "No visits.",
  end_call: "End call",
  end_this: "End the call of {place}",
  ended: "The call was ended.",
  cancel_visit: "Cancel visit",
  cancel_this: "Cancel the visit of {visitor}",
  cancelled: "The visit was cancelled.",
  acknowledge: "I know",
  whole_gateway: "whole gateway",
  reason: "Reason",
  back: "Back",
  since: "since {time}",
  minutes: "{number} min",
  ordinary: "ordinary",
  privileged: "privileged",
  unknown: "class unknown",
  technician: "Technician",
  officer: "Officer",
  scheduler: "Scheduler",
  auditor: "Auditor",
  administrator: "Administrator",
  forbidden: "You may not do this.",
  gone: "This is over already.",
  unreachable: "The gateway does not answer. This page keeps trying.",
};

const spanish = {
  log_in: "Entrar",
  log_out: "Salir",
  user: "Nombre de usuario",
  password: "Contraseña",
  login_refused: "El nombre de usuario o la contraseña no es correcto.",
  locked_out: "Demasiados intentos. Espere un rato e intente de nuevo.",
  overview: "Resumen",
  pages: "Páginas de los módulos",
  live_calls: "Llamadas en curso",
  no_calls: "No hay llamadas.",
  alerts: "Avisos",
  no_alerts: "No hay avisos.",
  visits: "Próximas visitas",
  no_visits: "No hay visitas.",
  end_call: "Terminar llamada",
  end_this: "Terminar la llamada de {place}",
  ended: "Se terminó la llamada.",
  cancel_visit: "Cancelar visita",
  cancel_this: "Cancelar la visita de {visitor}",
  cancelled: "Se canceló la visita.",
  acknowledge: "Enterado",
  whole_gateway: "todo el sistema",
  reason: "Motivo",
  back: "Volver",
  since: "desde las {time}",
  minutes: "{number} min",
  ordinary: "ordinaria",
  privileged: "confidencial",
  unknown: "clase desconocida",
  technician: "Técnico",
  officer: "Oficial",
  scheduler: "Programador",
  auditor: "Auditor",
  administrator: "Administrador",
  forbidden: "No tiene permiso para esto.",
  gone: "Esto ya terminó.",
  unreachable: "El sistema no responde. Esta página sigue intentando.",
};

const tables = { en: english, es: spanish };

/** The words for a key, with {names} filled in; the key itself where there are none. */
export function phrase(key, values = {}) {
  return (tables[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Put the words into every element that names a key. */
export function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-phrase]")) element.textContent = phrase(element.dataset.phrase);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", phrase(element.dataset.label));
}
