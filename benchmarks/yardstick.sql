-- What pgbench is made to do: one tap of one card in one statement, with the reads, decisions and writes of the product's
-- authoriser (transactions/authorisation.py, store.py, decision.py, fees.py, ledger.py), on the product's own migrated
-- tables with all their constraints, indexes and triggers. tests/benchmarks/test_yardstick.py holds it to the product: the
-- same rows, and books that `check_ledger` finds true.
--
-- The parameters are what the product has in memory when a batch begins: the attempt as the socket and the kernel left
-- it, and the merchant's rules, which `transactions.policy` remembers for a second. Everything else is read here. Only
-- approved purchases are worked out; any other decision is an error, so that no run can count refusals as work.

CREATE OR REPLACE FUNCTION yardstick_tap(
    -- the attempt
    p_merchant bigint, p_start uuid, p_tap uuid, p_amount bigint, p_currency text, p_uid text, p_programme bigint,
    p_key_version integer, p_counter integer, p_terminal uuid, p_operator bigint,
    -- the merchant's rules
    p_own_currency text, p_zone text, p_cut_off_hour integer, p_settlement bigint, p_fees bigint, p_schedule bigint,
    p_rate_ppm bigint, p_fixed bigint, p_minimum bigint, p_cap bigint, p_fee_rule text,
    -- the outcome
    OUT o_id uuid, OUT o_sequence bigint, OUT o_status text, OUT o_fee bigint, OUT o_balance bigint
) LANGUAGE plpgsql AS $$
DECLARE
    v_stored record;
    v_standing record;
    v_card record;
    v_now timestamptz := clock_timestamp();
    v_local timestamp := v_now AT TIME ZONE p_zone;
    v_day date := (v_local - make_interval(hours => p_cut_off_hour))::date;
    v_spent bigint;
    v_uuid bytea;
BEGIN
    -- store.stored: was it decided before?
    SELECT t.id, t.merchant_id, t.sequence, t.start_id, t.tap_id, t.kind, t.status, t.reason, t.response_code, t.amount,
        t.fee, t.net, t.currency, t.fee_rate_ppm, t.fee_schedule_id, t.fee_rule, t.method, t.card_id, t.key_version,
        t.read_counter, t.balance_after, t.terminal_id, t.operator_id, t.order_reference, t.note, t.occurred_at,
        t.business_date, c.uid
    INTO v_stored
    FROM transactions_transaction t LEFT JOIN merchants_card c ON c.id = t.card_id
    WHERE t.merchant_id = p_merchant AND t.start_id = p_start;
    IF FOUND THEN
        o_id := v_stored.id; o_sequence := v_stored.sequence; o_status := v_stored.status;
        o_fee := v_stored.fee; o_balance := v_stored.balance_after;
        RETURN;
    END IF;

    -- store.standings: may they ask?
    SELECT EXISTS (SELECT 1 FROM merchants_terminal t WHERE t.id = p_terminal AND t.merchant_id = p_merchant
            AND t.revoked_at IS NULL AND t.enrolled_at IS NOT NULL) AS terminal_active,
        (SELECT m.role FROM merchants_member m JOIN merchants_user u ON u.id = m.user_id AND u.is_active
            WHERE m.merchant_id = p_merchant AND m.user_id = p_operator AND m.removed_at IS NULL) AS role
    INTO v_standing;

    -- store.lock_cards: the card with its programme's limits, its account locked until the commit
    SELECT a.account_id, c.id, c.uid, p.merchant_id, c.programme_id, c.key_version, c.status, c.expires_on, p.tap_limit,
        p.daily_limit, p.balance_limit, a.balance, a.key_version AS counter_version, a.last_counter, a.spent_on, a.spent
    INTO v_card
    FROM merchants_card c
    JOIN transactions_cardaccount a ON a.card_id = c.id
    JOIN merchants_cardprogramme p ON p.id = c.programme_id
    WHERE c.uid = p_uid
    FOR UPDATE OF a;

    -- decision.decide
    IF NOT FOUND THEN RAISE EXCEPTION 'unknown_card'; END IF;
    v_spent := CASE WHEN v_card.spent_on = v_day THEN v_card.spent ELSE 0 END;
    IF p_currency <> p_own_currency THEN RAISE EXCEPTION 'invalid_transaction'; END IF;
    IF NOT v_standing.terminal_active THEN RAISE EXCEPTION 'terminal_revoked'; END IF;
    IF COALESCE(v_standing.role, '') NOT IN ('owner', 'cashier') THEN RAISE EXCEPTION 'not_permitted'; END IF;
    IF v_card.merchant_id <> p_merchant THEN RAISE EXCEPTION 'not_permitted'; END IF;
    IF (v_card.programme_id, v_card.key_version) <> (p_programme, p_key_version) THEN
        RAISE EXCEPTION 'not_genuine';
    END IF;
    IF v_card.counter_version = v_card.key_version AND p_counter <= v_card.last_counter THEN
        RAISE EXCEPTION 'replayed_tap';
    END IF;
    IF v_card.status <> 'active' THEN RAISE EXCEPTION 'card_%', v_card.status; END IF;
    IF v_card.expires_on < v_day THEN RAISE EXCEPTION 'expired_card'; END IF;
    IF p_amount > v_card.tap_limit THEN RAISE EXCEPTION 'over_tap_limit'; END IF;
    IF v_card.balance < p_amount THEN RAISE EXCEPTION 'insufficient_funds'; END IF;
    IF v_spent + p_amount > v_card.daily_limit THEN RAISE EXCEPTION 'over_daily_limit'; END IF;

    -- fees.fee_on: rounded half up to the minor unit, plus the fixed part, then minimum, then cap
    o_fee := GREATEST((2 * p_amount * p_rate_ppm + 1000000) / 2000000 + p_fixed, p_minimum);
    o_fee := LEAST(o_fee, p_cap, p_amount);
    o_balance := v_card.balance - p_amount;
    o_status := 'approved';

    -- public_id.new_id: UUIDv7 (RFC 9562), so that the log's primary key grows at its end
    v_uuid := overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM v_now) * 1000)::bigint) FROM 3) FROM 1 FOR 6);
    o_id := encode(set_byte(v_uuid, 6, (get_byte(v_uuid, 6) & 15) | 112), 'hex')::uuid;

    -- store.write_cards
    UPDATE transactions_cardaccount SET balance = o_balance, key_version = v_card.key_version,
        last_counter = p_counter, spent_on = v_day, spent = v_spent + p_amount
    WHERE account_id = v_card.account_id
        AND (p_counter >= last_counter OR v_card.key_version > key_version);
    IF NOT FOUND THEN RAISE EXCEPTION 'the card account was not written'; END IF;

    -- store.add_totals
    INSERT INTO transactions_hourtotal AS h
        (merchant_id, business_date, hour, terminal_key, method, kind, count, gross, fee)
    VALUES (p_merchant, v_day, extract(hour FROM v_local), p_terminal, 'prepaid', 'purchase', 1, p_amount, o_fee)
    ON CONFLICT (merchant_id, business_date, hour, terminal_key, method, kind)
    DO UPDATE SET count = h.count + excluded.count, gross = h.gross + excluded.gross, fee = h.fee + excluded.fee;

    -- store.advance_logs: the next number of the merchant's log, its row locked until the commit
    INSERT INTO transactions_merchantlog AS l (merchant_id, sequence) VALUES (p_merchant, 1)
    ON CONFLICT (merchant_id) DO UPDATE SET sequence = l.sequence + excluded.sequence
    RETURNING l.sequence INTO o_sequence;

    -- store.write_transactions
    INSERT INTO transactions_transaction (id, merchant_id, sequence, start_id, tap_id, kind, status, reason,
        response_code, amount, fee, net, currency, fee_rate_ppm, fee_schedule_id, fee_rule, method, card_id, key_version,
        read_counter, balance_after, terminal_id, operator_id, order_reference, note, occurred_at, business_date)
    VALUES (o_id, p_merchant, o_sequence, p_start, p_tap, 'purchase', o_status, '', '00', p_amount, o_fee,
        p_amount - o_fee, p_currency, p_rate_ppm, p_schedule, p_fee_rule, 'prepaid', v_card.id, v_card.key_version,
        p_counter, o_balance, p_terminal, p_operator, '', '', v_now, v_day);

    -- store.write_transfers: card to settlement the gross, settlement to fees the fee
    INSERT INTO transactions_transfer (transaction_id, debit_id, credit_id, amount)
    SELECT o_id, leg.debit, leg.credit, leg.amount
    FROM (VALUES (v_card.account_id, p_settlement, p_amount), (p_settlement, p_fees, o_fee)) AS leg (debit, credit, amount)
    WHERE leg.amount > 0;
END $$;
