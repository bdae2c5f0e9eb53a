import CoreDriverInterface
public import Logging
import SessionEngine
public import SessionService
import SessionStorage

/// The core's HTTP interface without HTTP: a request goes in as a value and a reply comes out as one.
public struct CoreAPI: Sendable {
    let service: SessionService
    let settings: CoreSettings
    let logger: Logger
    let apps: AppRegistry?
    let isReady: @Sendable () async -> Bool

    /// The largest body that is read, in bytes.
    public static let maximumBodyLength = 1 << 20

    /// Puts the interface in front of a service.
    ///
    /// - Parameters:
    ///   - service: the sessions of the app `public`.
    ///   - settings: what was decided about the core's answers.
    ///   - logger: where failures are told.
    ///   - apps: the other apps; without them there is one app with one tenant.
    ///   - isReady: whether storage answers now; asked for `/health/ready`.
    public init(
        service: SessionService, settings: CoreSettings, logger: Logger, apps: AppRegistry? = nil,
        isReady: @escaping @Sendable () async -> Bool = { true }
    ) {
        self.service = service
        self.settings = settings
        self.logger = logger
        self.apps = apps
        self.isReady = isReady
    }

    /// One request with what its path and version mean.
    struct Call {
        let request: CoreRequest
        let operation: CoreOperation
        let dialect: Dialect
        let app: AppID
        let tenant: TenantID

        func fields() throws(InvalidRequest) -> RequestFields {
            try RequestFields(body: request.body, operation: operation, dialect: dialect)
        }

        func parameter(_ name: String) throws(InvalidRequest) -> String {
            guard let value = request.parameter(name) else { throw InvalidRequest(.missingParameter(name)) }
            return value
        }
    }

    /// Answers a request.
    ///
    /// Every failure has an answer; nothing is thrown.
    public func respond(to request: CoreRequest) async -> CoreReply {
        let relative = settings.basePath.relative(request.path)
        if let relative, let health = await health(relative, method: request.method) { return health }
        guard let path = relative, let match = RouteMatch(path: path) else {
            noteForeignRecipe(request.path)
            return CoreReply(InvalidRequest(.notFound))
        }
        do {
            let place = try await place(of: match)
            let call = try call(for: request, match, in: place)
            return try await api(in: place).perform(call)
        } catch ServiceError.storage(let error) where error.code == .noSuchTenant {
            // It was removed while the request was under way.
            return CoreReply(InvalidRequest(.unknownTenant(match.app, match.tenant)))
        } catch let mistake as InvalidRequest {
            return CoreReply(mistake)
        } catch let failure as ServiceError {
            return reply(to: failure)
        } catch {
            logger.error("a request failed", metadata: ["error": "\(type(of: error))"])
            return .text(500, "Internal Error")
        }
    }

    /// Tells an operator who wonders about a 404 which feature of SuperTokens' core was asked for.
    private func noteForeignRecipe(_ path: String) {
        let segments = path.lowercased().split(separator: "/")
        guard let place = segments.firstIndex(of: "recipe"), segments.indices.contains(place + 1) else { return }
        logger.debug(
            "a feature that a session core does not have", metadata: ["recipe": "\(segments[place + 1].prefix(40))"])
    }

    /// The order of checks: path, API key, version, method, tenant (spec `core-wire` 1.0).
    ///
    /// The key of an app that does not exist is the core's own: nobody without a key learns which apps there are.
    private func call(
        for request: CoreRequest, _ match: RouteMatch, in place: Place
    ) throws(InvalidRequest) -> Call {
        let settings = place.app?.settings.core ?? settings
        guard !match.needsAPIKey || settings.admits(request) else { throw InvalidRequest(.wrongAPIKey) }
        let dialect = try match.dialect(header: request.version, bounds: settings.versions)
        let operation = try match.operation(method: request.method, dialect: dialect)
        let isKnown = place.hasTenant || (place.hasApp && operation.answersUnknownTenants)
        guard isKnown else { throw InvalidRequest(.unknownTenant(match.app, match.tenant)) }
        return Call(request: request, operation: operation, dialect: dialect, app: match.app, tenant: match.tenant)
    }

    private func perform(_ call: Call) async throws -> CoreReply {
        switch call.operation {
        case .hello: .text(200, "Hello")
        case .listVersions: listVersions()
        case .showConfiguration: try showConfiguration(call)
        case .handshake: try await handshake(call)
        case .createSession: try await createSession(call)
        case .verifySession: try await verifySession(call)
        case .refreshSession: try await refreshSession(call)
        case .regenerateSession: try await regenerateSession(call)
        case .removeSessions: try await removeSessions(call)
        case .removeAndCountSessions: try await removeAndCountSessions(call)
        case .listSessions: try await listSessions(call)
        case .readSession: try await readSession(call)
        case .readSessionData: try await readSessionData(call)
        case .writeSessionData: try await writeSessionData(call)
        case .readPayload: try await readPayload(call)
        case .writePayload: try await writePayload(call)
        case .publishKeys: try await publishKeys(call)
        case .listKeys: try await listKeys()
        case .createToken: try await createToken(call)
        case .showTelemetry: showTelemetry()
        case .readAuditTrail: try await readAuditTrail(call)
        case .countUsers: try countUsers(call)
        case .countActiveUsers: try await countActiveUsers(call)
        case .listUsers, .findUsersByAccount: listUsers()
        case .findUser: try findUser(call)
        case .putApp, .putAppV2, .listApps, .listAppsV2, .removeApp, .putTenant, .putTenantV2, .readTenant,
            .readTenantV2, .listTenants, .listTenantsV2, .removeTenant:
            try await manage(call)
        }
    }

    /// The machine failed: say so, say nothing else to the caller, and tell the operator once.
    private func reply(to failure: ServiceError) -> CoreReply {
        guard case .storage(let error) = failure else {
            logger.error("a token could not be made", metadata: ["error": "\(failure)"])
            return .text(500, "Internal Error")
        }
        logger.error("storage failed", metadata: ["error": .string(error.debugDescription)])
        var reply =
            switch error.code {
            case .full: CoreReply.text(507, "Storage is full: nothing was changed. Free some space and try again.")
            case .unknownOutcome: CoreReply.text(503, "The outcome is not known. Try again.")
            case .unavailable: CoreReply.text(503, "Storage is not available. Try again.")
            case .unstorable: CoreReply.text(400, "Storage cannot hold a value of this request: a text is too long.")
            default: CoreReply.text(500, "Internal Error")
            }
        if reply.status == 503 || reply.status == 507 { reply.headers.append(("Retry-After", "1")) }
        return reply
    }
}
