import CoreDriverInterface
import Foundations
public import SessionEngine
public import TesseraSessions

extension RemoteCore: DeviceBindingBackend {
    public func register(_ registration: DeviceRegistration) async throws(SessionError) -> DeviceCredentials? {
        let reply = try await known { () async throws(SessionError) in
            // The same key of the same device is bound once, and answered again.
            try await client.ask(Catalogue.registerDevice, isRepeatable: true) {
                ($0.handle, $0.proof) = (registration.handle.rawValue, registration.proof)
            }
        }
        switch reply.status {
        case "OK": return try reply.deviceCredentials()
        case "REFUSED": return nil
        default: throw reply.unexpected
        }
    }

    public func renew(_ renewal: DeviceRenewal) async throws(SessionError) -> DeviceRenewal.Answer {
        let reply = try await known { () async throws(SessionError) in
            try await client.ask(Catalogue.renewDevice, isRepeatable: true) {
                ($0.identifier, $0.proof) = (renewal.identifier, renewal.proof)
                $0.handle = renewal.handle?.rawValue
            }
        }
        switch reply.status {
        case "OK": return .renewed(try reply.deviceCredentials())
        case "CHALLENGE":
            guard let challenge = Catalogue.deviceChallenged.decode(reply.object).challenge else {
                throw reply.unexpected
            }
            return .challenge(challenge)
        case "ENDED": return .ended
        default: throw reply.unexpected
        }
    }

    public func standing(
        of cookie: String?, in handle: SessionHandle
    ) async throws(SessionError) -> DeviceStanding {
        let reply = try await known { () async throws(SessionError) in
            try await client.ask(Catalogue.checkDevice, isRepeatable: true) {
                ($0.handle, $0.cookie) = (
                    handle.rawValue, cookie.flatMap { PresentedDevice.mayBeCookie($0) ? $0 : nil }
                )
            }
        }
        guard let standing = Catalogue.deviceChecked.decode(reply.object).text.flatMap(DeviceStanding.init) else {
            throw reply.unexpected
        }
        return standing
    }

    /// Asks what a SuperTokens core does not know: it answers 404.
    private func known(_ ask: () async throws(SessionError) -> CoreReply) async throws(SessionError) -> CoreReply {
        do throws(SessionError) { return try await ask() } catch {
            guard case .coreRejected(status: 404, _) = error.kind else { throw error }
            throw .misconfigured(
                "the core binds no sessions to devices: that needs Tessera's core, or the engine in this process")
        }
    }
}

extension CoreReply {
    /// What a browser is given for a proof.
    fileprivate func deviceCredentials() throws(SessionError) -> DeviceCredentials {
        let reply = Catalogue.deviceBound.decode(object)
        guard let identifier = reply.identifier, let cookie = reply.cookie, let challenge = reply.challenge,
            let seconds = reply.cookieSeconds
        else { throw unexpected }
        return DeviceCredentials(
            identifier: identifier, cookie: cookie, challenge: challenge, cookieSeconds: seconds)
    }
}

extension PresentedDevice {
    /// What came as a header field (docs/dbsc.md); none where there is nothing to say.
    ///
    /// A cookie of another form is no good one, and is left out.
    var fields: [(name: String, value: String)] {
        var members: [String] = []
        if wantsOffer { members.append("offer") }
        if reportsOnly { members.append("report") }
        if wasSkipped { members.append("skipped") }
        if let cookie, Self.mayBeCookie(cookie) { members.append("value=\"\(cookie)\"") }
        return members.isEmpty ? [] : [("tessera-dbsc", members.joined(separator: ", "))]
    }
}
