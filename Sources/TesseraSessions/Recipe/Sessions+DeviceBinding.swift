import HTTPTypes
import Logging
import SessionEngine

// Sessions that are bound to the device of a browser (docs/dbsc.md).
extension Sessions {
    /// What a request brings of the credentials of its browser's device.
    ///
    /// - Parameters:
    ///   - request: the request.
    ///   - mayOffer: whether the user was just authenticated, and the tokens are in cookies.
    func presentedDevice(_ request: HTTPRequest, mayOffer: Bool) -> PresentedDevice {
        var device = PresentedDevice()
        device.cookie = boundCookie(of: request)
        device.wasSkipped = request.headerFields[.secureSessionSkipped] != nil
        device.reportsOnly = configuration.deviceBinding == .report
        device.wantsOffer = mayOffer && wantsDeviceOffer(request)
        return device
    }

    /// Whether a browser is asked to bind the session that begins with a request of a page.
    ///
    /// Where requests of that page do not make the browser renew the cookie, a session that is bound would be lost.
    func wantsDeviceOffer(_ request: HTTPRequest) -> Bool {
        guard offersDevices else { return false }
        guard let page = request.headerFields[.origin], !settings.mayRenew(page) else { return true }
        if warnings.isDue("device page", at: clock.time()) {
            logger.warning(
                """
                sessions of the page \(Self.printable(page)) are not bound to devices, as its requests would not make a browser \
                renew the cookie: name it in website: of AppInfo or in trustedOrigins of SessionConfiguration
                """)
        }
        return false
    }

    /// Whether browsers are asked to bind the sessions that begin.
    var offersDevices: Bool { configuration.deviceBinding != .off }

    /// Asks the browser to bind its session, once for each authentication; the cookie of a session before is no good any more.
    func offerDevice(_ issued: IssuedTokens, in exchange: SessionExchange) throws(SessionError) {
        guard let offer = issued.deviceOffer, offersDevices else { return }
        exchange.changes.set(
            .secureSessionRegistration,
            to: DeviceFields.offer(offer, at: settings.devicePath(.deviceRegistration)), isExposed: false)
        if bringsBoundCookie(exchange.request) {
            exchange.changes.set(try settings.removalOfBoundCookie(for: exchange.request))
        }
    }

    /// Refuses a request without the bound cookie, where the route asks for it; the session lives.
    ///
    /// - Parameters:
    ///   - exchange: the request; `nil` where the token came in the application's own way.
    ///   - handle: its session.
    ///   - options: what the route asks for.
    func checkDevice(
        _ exchange: SessionExchange?, _ handle: SessionHandle, _ options: VerifyOptions
    ) async throws(SessionError) {
        guard let requirement = options.device else { return }
        guard let exchange else { throw .misconfigured("the device of a browser is asked for without a request") }
        do throws(SessionError) {
            try await refuse(exchange.request, handle, unless: requirement)
        } catch {
            guard configuration.deviceBinding == .report else { throw error }
            guard let count = warnings.due("device report", at: clock.time()) else { return }
            logger.notice(
                "a request would be refused, and \(count) more since this was written last: \(error)",
                metadata: ["session.handle": "\(handle)"])
        }
    }

    private func refuse(
        _ request: HTTPRequest, _ handle: SessionHandle, unless requirement: DeviceRequirement
    ) async throws(SessionError) {
        switch (try await deviceBackend().standing(of: boundCookie(of: request), in: handle), requirement) {
        case (.proved, _), (.unbound, .whereBound): return
        case (.unbound, .always): throw .refused("device", "the session is not bound to a device")
        case (.unproved, _) where request.headerFields[.secureSessionSkipped] != nil: throw .deviceNotYet
        case (.unproved, _): throw .tryRefreshToken(reason: "the request lacks the cookie of its session's device")
        }
    }

    /// Asks for a session by its refresh token; where the browser has a bound cookie that is of no use yet, it is removed, so that the
    /// browser renews it now.
    func removingUselessCookie<Answer: Sendable>(
        _ exchange: SessionExchange, _ ask: () async throws(SessionError) -> Answer
    ) async throws(SessionError) -> Answer {
        do throws(SessionError) { return try await ask() } catch {
            if error == .deviceNotYet, bringsBoundCookie(exchange.request) {
                exchange.changes.set(try settings.removalOfBoundCookie(for: exchange.request))
            }
            throw error
        }
    }

    /// Whether a request has a bound cookie, good or not.
    func bringsBoundCookie(_ request: HTTPRequest) -> Bool {
        RequestCookies(request.headerFields).count(of: SessionSettings.boundCookieName) > 0
    }

    private func boundCookie(of request: HTTPRequest) -> String? {
        let values = RequestCookies(request.headerFields).values(SessionSettings.boundCookieName)
        return values.first.flatMap { values.count == 1 && PresentedDevice.mayBeCookie($0) ? $0 : nil }
    }

    func deviceBackend() throws(SessionError) -> any DeviceBindingBackend {
        guard let backend = backend as? any DeviceBindingBackend else {
            throw .misconfigured(
                "this backend binds no sessions to devices; a backend of your own conforms to DeviceBindingBackend for that"
            )
        }
        return backend
    }
}
