import CoreDriverInterface
import Logging
import SessionEngine
import SessionService

extension CoreAPI {
    /// What the head of a request decides, before anything of its body is read.
    enum Admission: Sendable {
        /// Its body is not wanted.
        case refused(CoreReply)
        /// So, because it shows no API key or a wrong one.
        case keyRefused(CoreReply)
        /// It is to be performed.
        case admitted(Admitted)
    }

    /// A request that may be performed.
    struct Admitted: Sendable {
        enum Work: Sendable {
            case health(HealthQuestion)
            case oauth(OAuthQuestion)
            case poll(EventStream)
            case operation(Call, Place)
            /// What a sidecar is asked, never a core.
            case edge(EdgeQuestion)
        }

        var work: Work

        /// The longest body that is read.
        var maximumBodyLength: Int {
            switch work {
            case .health: 16 * 1024
            case .edge(.introspect), .oauth: OAuthQuestion.maximumBodyLength
            case .edge: 16 * 1024
            case .poll: 1 << 20
            case .operation(let call, _): call.operation.maximumBodyLength
            }
        }

        /// Whether this is answered also where there is room for nothing else: the questions of supervisors, and the end
        /// of sessions.
        var isVital: Bool {
            switch work {
            case .health, .edge(.health): true
            case .edge: false
            case .oauth(let question): question == .revoke
            case .poll: false
            case .operation(let call, _):
                [.hello, .removeSessions, .removeAndCountSessions, .revokeWithToken, .removeDevices].contains(
                    call.operation)
            }
        }
    }

    /// Judges the head of a request; `nil` when the directory of apps has to decide.
    ///
    /// A request without a key where one is required is rejected without a look at the directory.
    func admission(of request: CoreRequest) -> Admission? {
        let relative: String
        switch route(request) {
        case .left(let admission): return admission
        case .right(let path): relative = path
        }
        guard let match = RouteMatch(path: relative) else {
            return .refused(notFound(relative))
        }
        if match.needsAPIKey, !settings.apiKeys.isEmpty, !request.hasCredential {
            return .keyRefused(CoreReply(InvalidRequest(.wrongAPIKey)))
        }
        guard match.app == .public, match.tenant == .public else { return nil }
        return admission(of: request, match, in: Place(hasApp: true, hasTenant: true))
    }

    private enum Either<Left, Right> {
        case left(Left)
        case right(Right)
    }

    /// The path within this interface, unless the request ends here.
    private func route(_ request: CoreRequest) -> Either<Admission, String> {
        let relative = settings.basePath.relative(request.path)
        if let relative, let question = HealthQuestion(path: relative, method: request.method) {
            return .left(.admitted(Admitted(work: .health(question))))
        }
        if settings.apiKeys.isEmpty, let refusal = PageGuard.refusal(of: request) { return .left(.refused(refusal)) }
        guard let relative else {
            return .left(.refused(notFound(request.path)))
        }
        if let question = OAuthQuestion(rawValue: relative) { return .left(admission(of: question, request)) }
        if let polls, let path = EventPollPath(relative) { return .left(admission(of: path, request, polls)) }
        return .right(relative)
    }

    /// Judges the head of a request, with a look at the directory of apps where there is a need.
    func admissionAfterLookup(of request: CoreRequest) async -> Admission {
        if let admission = admission(of: request) { return admission }
        guard let relative = settings.basePath.relative(request.path), let match = RouteMatch(path: relative) else {
            return .refused(notFound(request.path))
        }
        do {
            return admission(of: request, match, in: try await place(of: match))
        } catch {
            return .refused(reply(to: error))
        }
    }

    private func admission(of request: CoreRequest, _ match: RouteMatch, in place: Place) -> Admission {
        do {
            return .admitted(Admitted(work: .operation(try call(for: request, match, in: place), place)))
        } catch {
            return error == InvalidRequest(.wrongAPIKey) ? .keyRefused(CoreReply(error)) : .refused(CoreReply(error))
        }
    }

    /// No version knows a path; who asks for a feature of SuperTokens' core that a session core does not have is told what
    /// there is.
    private func notFound(_ path: String) -> CoreReply {
        guard let feature = RouteMatch.foreignFeature(path: path) else { return CoreReply(InvalidRequest(.notFound)) }
        logger.debug("a feature that a session core does not have", metadata: ["recipe": "\(feature.prefix(40))"])
        return .text(404, WireText.foreignFeature)
    }

    /// The order of checks: path, API key, version, method, tenant (docs/specification/core.md 1.0).
    ///
    /// The key of an app that does not exist is the core's own: no client without a key learns which apps there are.
    private func call(
        for request: CoreRequest, _ match: RouteMatch, in place: Place
    ) throws(InvalidRequest) -> Call {
        let settings = place.app?.settings.core ?? settings
        let isAdmitted = !match.needsAPIKey || settings.admits(request)
        guard isAdmitted || settings.admitsVerifier(request) else { throw InvalidRequest(.wrongAPIKey) }
        let dialect = try match.dialect(header: request.version, bounds: settings.versions)
        let operation = try match.operation(method: request.method, dialect: dialect)
        guard isAdmitted || operation.isForVerifiers else { throw InvalidRequest(.wrongAPIKey) }
        let isKnown = place.hasTenant || (place.hasApp && operation.answersUnknownTenants)
        guard isKnown else { throw InvalidRequest(.unknownTenant(match.app, match.tenant)) }
        return Call(request: request, operation: operation, dialect: dialect, app: match.app, tenant: match.tenant)
    }
}

extension CoreRequest {
    /// Whether the caller shows anything that could be an API key.
    fileprivate var hasCredential: Bool { apiKey != nil || authorization != nil }
}
