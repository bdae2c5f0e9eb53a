// Tells the core about the client of each sign-in and refresh:
//
//     import supertokens from "supertokens-node"
//     import { clientReporter } from "./tessera.mjs"
//
//     supertokens.init({
//         supertokens: {
//             connectionURI: "http://localhost:3567",
//             networkInterceptor: clientReporter(supertokens.getRequestFromUserContext, { trustedProxies: 1 }),
//         },
//         ...
//     })

const creates = /\/recipe\/session(?:\/refresh)?$/

/**
 * A networkInterceptor that adds what the core keeps about devices.
 *
 * @param getRequest gives the request of a user context, or undefined: supertokens.getRequestFromUserContext.
 * @param options trustedProxies: how many proxies of yours stand before the application; with 0 no address is reported,
 *   because X-Forwarded-For is then the client's own word.
 */
export function clientReporter(getRequest, { trustedProxies = 0 } = {}) {
    return (request, userContext) => {
        const client = getRequest(userContext)
        const path = new URL(request.url).pathname
        if (client === undefined || request.method?.toUpperCase() !== "POST" || !creates.test(path)) return request
        return { ...request, headers: { ...request.headers, ...fields(client, trustedProxies) } }
    }
}

function fields(client, trustedProxies) {
    const found = {}
    const agent = client.getHeaderValue("user-agent")
    if (agent) found["tessera-client-user-agent"] = Buffer.from(agent.slice(0, 256), "utf8").toString("base64url")
    const platform = client.getHeaderValue("sec-ch-ua-platform")
    if (platform && /^"[\w .]{1,64}"$/.test(platform)) found["tessera-client-hints"] = `platform=${platform}`
    const forwarded = (client.getHeaderValue("x-forwarded-for") ?? "").split(",").map((part) => part.trim())
    const address = trustedProxies > 0 ? forwarded.at(-trustedProxies) : undefined
    if (address && /^[0-9a-fA-F.:]{2,45}$/.test(address)) found["tessera-client-address"] = address
    return found
}
