const WORDS = {
  en: {
    accounts: "Accounts", month: "Month", language: "Language", report: "Revenue and minutes", find: "Find",
    requests: "Refund requests", idle: "Money that nobody moves", costs: "What visits cost to carry",
    holder: "Holder", number: "Number", available: "Available", held: "Held", moved: "Last moved",
    statement: "Statement", call: "Call", visitor: "Visitor", words: "In their words", asked: "Asked",
    days: "Days", due: "refund due", soon: "soon", charged: "Charged", taxes: "Taxes", refunded: "Given back",
    kept: "Kept", calls: "calls", minutes: "min", none: "None.", grant: "Refund", decline: "Decline",
    reason: "Reason, shown on the statement:", answer: "Answer to the visitor:", bytes: "Bytes", cpu: "CPU (ms)",
    compute: "Compute", bandwidth: "Bandwidth", failed: "This could not be done:", privileged: "privileged",
    ok: "OK", leave: "Cancel",
  },
  es: {
    accounts: "Cuentas", month: "Mes", language: "Idioma", report: "Ingresos y minutos", find: "Buscar",
    requests: "Solicitudes de reembolso", idle: "Dinero sin movimiento", costs: "Lo que costó cada visita",
    holder: "Titular", number: "Número", available: "Disponible", held: "Retenido", moved: "Último movimiento",
    statement: "Estado de cuenta", call: "Llamada", visitor: "Visitante", words: "En sus palabras", asked: "Pedido",
    days: "Días", due: "corresponde reembolso", soon: "pronto", charged: "Cobrado", taxes: "Impuestos",
    refunded: "Reembolsado", kept: "Neto", calls: "llamadas", minutes: "min", none: "Nada.", grant: "Reembolsar",
    decline: "Rechazar", reason: "Motivo, visible en el estado de cuenta:", answer: "Respuesta al visitante:",
    bytes: "Bytes", cpu: "CPU (ms)", compute: "Cómputo", bandwidth: "Ancho de banda",
    failed: "No se pudo hacer:", privileged: "confidenciales",
    ok: "Aceptar", leave: "Cancelar",
  },
};

export function words(language) {
  return WORDS[language] ?? WORDS.en;
}
