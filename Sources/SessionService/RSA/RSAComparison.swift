#if OpenSSL
    import Synchronization

    import PlatformLibC

    /// What a signature costs by each library on this machine, measured once in a process, in about 4 ms.
    enum RSAComparison {
        private static let rounds = 4
        private static let message = [UInt8](repeating: 0x61, count: 400)
        private static let measured = Mutex<RSAChoice.Costs?>(nil)

        /// The costs; `nil` where the two do not sign alike, which leaves everything as it is.
        static func costs(of own: RSAPrivateKey, and other: OpenSSLKey) -> RSAChoice.Costs? {
            measured.withLock { measured in
                if let measured { return measured }
                measured = measure(own, other)
                return measured
            }
        }

        /// The least of a few signatures each, in turns, so that what else the machine does meets both; the first round warms
        /// up.
        private static func measure(_ own: RSAPrivateKey, _ other: OpenSSLKey) -> RSAChoice.Costs? {
            var least = RSAChoice.Costs(boringssl: .infinity, openssl: .infinity)
            for round in 0..<rounds {
                let start = processorTime()
                let first = try? own.signature(over: message)
                let middle = processorTime()
                let second = try? other.signature(over: message)
                let end = processorTime()
                guard let first, first == second else { return nil }
                guard round > 0 else { continue }
                least.boringssl = min(least.boringssl, middle - start)
                least.openssl = min(least.openssl, end - middle)
            }
            return least
        }

        /// The processor time of this thread in microseconds; the time of day has no part in it.
        private static func processorTime() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
        }
    }
#endif
