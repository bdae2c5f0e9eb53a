public import HTTPTypes
import LosslessJSON
import SessionEngine

extension Sessions {
    /// The route of the SDK that a request is for, if it is for one (docs/specification/sdk.md 2.17).
    ///
    /// The base path may be followed by a tenant.
    public func route(for request: HTTPRequest) -> SessionRoute? {
        let path = String((request.path ?? "/").prefix { $0 != "?" && $0 != "#" })
        let prefixes = [app.apiBasePath.text, String(app.apiBasePath.text.dropFirst(app.gatewayPath.text.count))]
        for prefix in prefixes where path.hasPrefix(prefix) {
            let rest = path.dropFirst(prefix.count)
            if let route = route(at: String(rest), request.method) { return route }
            let tenant = rest.dropFirst().prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
            guard rest.first == "/", !tenant.isEmpty else { continue }
            if let route = route(at: String(rest.dropFirst(tenant.count + 1)), request.method) { return route }
        }
        return nil
    }

    private func route(at path: String, _ method: HTTPRequest.Method) -> SessionRoute? {
        let path = path.hasSuffix("/") ? String(path.dropLast()) : path
        return configuration.routes.first {
            $0.path == path && $0.method == method && ($0 != .refreshPage || configuration.signInPage != nil)
        }
    }

    /// Answers a request for one of the SDK's own routes; what it changes about the response is in the exchange.
    ///
    /// - Parameters:
    ///   - route: the route.
    ///   - exchange: the request, and what changes about its response.
    ///   - body: the request's body, where the route reads it.
    public func answer(
        _ route: SessionRoute, in exchange: SessionExchange, body: [UInt8] = []
    ) async -> SessionReply {
        do {
            let call = SessionCall(sessions: self, exchange: exchange)
            switch route.kind {
            case .refresh: return try await hooks.refresh(call)
            case .refreshPage: return try await refreshPage(in: exchange)
            case .signOut: return try await hooks.signOut(call)
            case .revoke: return try await revokeWithToken(in: exchange)
            case .keySet: return try await keySet()
            case .devices: return try await ownDevices(in: exchange)
            case .endDevices: return try await endOwnDevices(body, in: exchange)
            case .deviceRegistration: return await registerDevice(in: exchange)
            case .deviceRenewal: return await renewDevice(in: exchange)
            case .nameDevice: return try await nameOwnDevice(body, in: exchange)
            case .discovery: return try await discovery()
            case .browserModule:
                return SessionReply(
                    BrowserModule.text, type: "text/javascript; charset=utf-8",
                    fields: [.cacheControl: "public, max-age=3600"])
            }
        } catch {
            return await reply(to: error, in: exchange)
        }
    }

    /// Ends the session of the refresh token in the request.
    ///
    /// The answer is the same whether there was one: who has the token learns nothing (RFC 7009 section 2.2). A browser does not
    /// send the cookie here; it signs out with its access token.
    private func revokeWithToken(in exchange: SessionExchange) async throws(SessionError) -> SessionReply {
        let tokens = RequestTokens(exchange.request, settings)
        guard settings.transfer(for: exchange.request, isCreating: false) != .cookie, let bearer = tokens.bearer,
            RefreshToken.hasForm(bearer)
        else { throw .badInput("send the refresh token in Authorization, as for a refresh") }
        do throws(SessionError) {
            _ = try await backend.revoke(with: RefreshToken(bearer), by: .user)
        } catch {
            // As if there were no such route: clients then do it in two steps.
            guard error.code == .misconfigured else { throw error }
            return SessionReply(status: .notFound, json: ["message": "Not found"])
        }
        try TokenWriter(settings: settings, exchange: exchange).clear([.header])
        return SessionReply(json: ["status": "OK"])
    }

    /// The keys that verify access tokens, for every other service (docs/specification/sdk.md 2.13).
    private func keySet() async throws(SessionError) -> SessionReply {
        let keys = try await backend.publishedKeys()
        var reply = SessionReply(json: ["keys": keys.keys])
        reply.headerFields[.accessControlAllowOrigin] = "*"
        reply.headerFields[.cacheControl] = "max-age=\(keys.maxAgeSeconds), must-revalidate"
        return reply
    }

    /// OpenID Connect Discovery 1.0, as far as it is about tokens of sessions.
    private func discovery() async throws(SessionError) -> SessionReply {
        let algorithms = signingAlgorithms(in: try await backend.publishedKeys().keys)
        var reply = SessionReply(json: [
            "issuer": .string(app.issuer), "jwks_uri": .string(app.issuer + SessionRoute.keySet.path),
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": .array(algorithms),
            "response_types_supported": ["code", "id_token", "id_token token"],
        ])
        reply.headerFields[.accessControlAllowOrigin] = "*"
        return reply
    }

    /// The algorithms of the keys that sign access tokens, or did so a moment ago.
    private func signingAlgorithms(in keys: JSONValue) -> [JSONValue] {
        let prefix = settings.signingKeyKind.keyIDPrefix
        var names: [String] = []
        for key in (keys.array ?? []).compactMap(\.object) where key["kid"]?.string?.hasPrefix(prefix) == true {
            if let name = key["alg"]?.string, !names.contains(name) { names.append(name) }
        }
        return names.map(JSONValue.string)
    }
}
