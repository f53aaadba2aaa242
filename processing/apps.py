from django.apps import AppConfig


class ProcessingConfig(AppConfig):
    name = "processing"

    def ready(self) -> None:
        from acquisition.moving import chosen_by_stage
        from acquisition.removal import erased_with_footage
        from processing.erasure import erase_others, forget_footage
        from processing.holdings import HOLDING
        from processing.judging import judge, judge_what_waited
        from processing.statements import check_statement
        from twinvault.safe.holdings import declare
        from twinvault.safe.services import before_sealing, when_unsealed
        from twinvault.vaults.consents import when_given
        from twinvault.vaults.statements import checked_by

        declare(HOLDING)
        erased_with_footage(forget_footage)
        chosen_by_stage(judge)
        before_sealing(erase_others)
        when_unsealed(judge_what_waited)
        when_given(judge_what_waited)
        checked_by(check_statement)
